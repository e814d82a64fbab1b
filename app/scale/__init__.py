"""What only Scale and Compare need: the network chosen, its results, quantities."""
