"""Who may call what. Every route names its scope; a route that names none is refused (tests walk them all)."""
