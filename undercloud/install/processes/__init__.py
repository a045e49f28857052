"""What keeps the undercloud's processes running: systemd where it is PID 1, supervisor elsewhere."""
