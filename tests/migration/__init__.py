"""What a migration transfers with the process, and how users observe and control it."""
