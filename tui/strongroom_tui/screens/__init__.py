"""The tabs of the screen, and what opens from them."""
