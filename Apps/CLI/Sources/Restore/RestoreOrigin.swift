import Foundation

/// Who restores a database, and from what, as the audit log keeps it.
struct RestoreOrigin: Sendable {
    /// The user of the machine; an operator of a stopped system has no token.
    let who: String
    /// The backup; `nil` for an event log that is lost, and has none.
    let file: String?

    /// A restore by the user of this process.
    ///
    /// - Parameter file: The backup.
    static func ofThisUser(from file: String?) -> RestoreOrigin {
        let name = NSUserName()
        // A container may have a user without a name.
        return RestoreOrigin(who: name.isEmpty ? "user \(getuid())" : name, file: file)
    }
}
