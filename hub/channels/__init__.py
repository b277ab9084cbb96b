"""Ways of reaching a person or an alarm receiving centre: a folder each."""
