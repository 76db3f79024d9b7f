"""Few-shot segmentation: click a thing in one picture, get every pixel of it in another."""
