public import MartletCore

/// What a server knows of a caller when the headers of its call have arrived.
public enum CallAuthentication: Sendable {
    /// Who is calling: without credentials, or with a token that was verified before.
    case known(Principal)
    /// A token that is to be verified, which takes too long for an event loop.
    ///
    /// The closure returns the caller's principal, or throws a `Fault`. It runs on a thread that may block, once, also when
    /// the call ends meanwhile.
    case unverified(@Sendable () throws -> Principal)

    /// A caller without credentials.
    public static var anonymous: CallAuthentication { .known(.anonymous) }
}
