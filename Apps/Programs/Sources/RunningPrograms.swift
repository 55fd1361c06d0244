/// No code: the target `Programs` depends on `martlet` and the programs that it starts, so that one build makes exactly them.
enum RunningPrograms {}
