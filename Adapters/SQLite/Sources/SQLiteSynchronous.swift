/// When a commit is made durable.
public enum SQLiteSynchronous: String, Sendable {
    /// Before it returns: the mode of every service's database.
    case full = "FULL"
    /// At the system's discretion: a power loss loses acknowledged commits, and may corrupt the file.
    case off = "OFF"
}
