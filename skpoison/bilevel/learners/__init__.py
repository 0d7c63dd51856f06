"""Learners: training objectives, their derivatives, and what a learner supports."""
