// A program of one service imports this module alone.
@_exported public import MartletHost
