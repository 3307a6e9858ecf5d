"""What runs inside the orchestrators, in their environments."""
