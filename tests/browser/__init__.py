"""The explorers and the book as a reader meets them: in Chromium, with the network cut off."""
