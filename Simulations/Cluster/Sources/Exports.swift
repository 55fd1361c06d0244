// A test of a simulated world imports this module alone: the names of faults are the simulation's.
@_exported public import MartletSimulation
