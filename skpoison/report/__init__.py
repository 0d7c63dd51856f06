"""What happens to a model if somebody writes to its training set, in one command?"""
