"""E-mail over SMTP. It carries a link, not a child's address: mail is kept, forwarded and read by others."""

from hub.channels.email.smtp import SmtpChannel

__all__ = ["SmtpChannel"]
