"""Child processes: start, restart and stop them; a guard ends them if their parent has died."""
