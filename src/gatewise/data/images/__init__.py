"""Images, clips of images, and what is told of them: by folders or by a table."""
