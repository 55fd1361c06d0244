public import MartletCore

/// The process in which services consume events: all services of one process share it.
///
/// A handler that ends the process is found by what the process stored before it ran. For that, each process has to know
/// which one ran in its place before.
public final class InboxProcess: Sendable {
    /// The place in which it runs, where one process runs at a time: equal after a restart, and different for each
    /// replica.
    ///
    /// With a name that differs after each restart, an event whose handler ends the process is never parked. Empty where
    /// one process owns the database.
    public let instance: ExactText
    let queue = AttemptQueue()

    public init(instance: ExactText) { self.instance = instance }
}
