"""Where everything is put together: settings → what cogs and commands work with."""
