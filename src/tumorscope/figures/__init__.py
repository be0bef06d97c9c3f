"""Results → matplotlib Figures. Nothing here touches pyplot's global state."""
