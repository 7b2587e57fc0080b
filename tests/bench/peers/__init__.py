"""What a user would run instead of kemfeat, each as a program that prints one JSON object: seconds and utterances."""
