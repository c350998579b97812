"""Who processes: one file per stage, pure steps over micro-batches, and Faust around them."""
