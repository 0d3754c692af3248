"""What Parley must withstand, measured: `python -m scripts.soak`."""
