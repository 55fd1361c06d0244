/// The limits of tests that wait for a socket, a process or a thread.
///
/// Only a hang reaches them, however slow or busy the machine is: a passing test never takes longer because of them.
public enum HangLimit {
    /// The longest wait for one connection, response, process or condition.
    public static let wait = Duration.seconds(300)
    /// The longest run of one test, for `.timeLimit(.minutes(HangLimit.testMinutes))`.
    ///
    /// Longer than ``wait``, so that a wait that hangs fails first, and states what it waited for.
    public static let testMinutes = 10
}
