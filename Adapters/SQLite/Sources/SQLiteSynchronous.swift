/// When a commit is made durable.
public enum SQLiteSynchronous: String, Sendable {
    /// Before it is answered: how every file is opened.
    case full = "FULL"
    /// When the system likes: a power loss loses what was answered, and may leave a file that cannot be read.
    case off = "OFF"
}
