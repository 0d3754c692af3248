"""What several processes of one bot have in common, kept in Redis; imported only where `STATE_URL` is set."""
