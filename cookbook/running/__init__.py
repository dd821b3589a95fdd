"""Plan → results: sessions, their buffers and shapes, CUDA graphs."""
