"""What pages show, fetched from the store and put into the shapes that the dashboards know."""
