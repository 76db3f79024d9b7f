"""Learning from tasks that come one after another (Finn et al. 2019, "Online Meta-Learning")."""
