"""The porting guide: kept, searched, and pointed to where it helps."""
