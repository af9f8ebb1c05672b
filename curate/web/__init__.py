"""What a page says about itself: its charset, the licences that it names, its wishes about machines. Leaf modules; stages read them."""
