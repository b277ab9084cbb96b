"""What a gateway decides, apart from radio, disk, network and clock."""
