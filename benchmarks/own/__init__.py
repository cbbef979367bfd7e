"""What is measured of this project, each part in a process of its own."""
