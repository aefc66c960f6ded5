"""paramprog: gradients you can read, check and trust."""
