"""What a training made, as files for this and other programs; each is read again and compared before it counts."""
