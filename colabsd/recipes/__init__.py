"""Ways of making pictures: functions of (engine, plan)."""
