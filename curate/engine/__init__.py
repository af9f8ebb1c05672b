"""The legs: plan, tasks, exchange, and the engines that run them."""
