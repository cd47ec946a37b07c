"""How far the most downloaded projects are: today, over time, who came, who is missing.

`judging` and `chart` are programs of their own, in processes that end: one goes over all that is
cached, the other draws. So neither their work nor their memory is the bot's.
"""
