"""Who wants to hear of what: channels that subscribed, people who watch projects."""
