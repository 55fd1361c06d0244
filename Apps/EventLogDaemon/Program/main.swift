import EventLogDaemon

await EventLogProgram.run()
