import MartletConfig
import MartletCore

/// The exit statuses of our programs, for supervisors (sysexits.h).
public enum ExitStatus: Int32, Sendable {
    /// Graceful shutdown after a signal.
    case clean = 0
    /// A flag is unknown, missing or invalid, or a crash point does not exist.
    case usage = 64
    /// An internal error: a restart may help.
    case `internal` = 70
    /// A variable or a file of the configuration is invalid: a restart does not help.
    case config = 78

    /// The status of a program that cannot start because of `faults`; faults of flags come before those of variables.
    init(_ faults: ConfigFaults) {
        let isUsage = faults.faults.contains { fault in
            !fault.isInFile
                && (!fault.key.hasPrefix(Config.prefix) || ExactText(fault.key) == ExactText(CrashPoints.variable))
        }
        self = isUsage ? .usage : .config
    }
}
