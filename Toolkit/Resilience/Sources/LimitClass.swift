package import MartletContract

/// The kinds of requests that have a limit each.
package enum LimitClass: String, Sendable, Hashable, CaseIterable {
    /// Without a token, of a method that only reads, or that requires a token and refuses it.
    case anonymousReads = "anonymous-reads"
    /// Without a token, of a method that writes and whose repeat changes nothing more.
    case anonymousWrites = "anonymous-writes"
    /// Without a token, of a method that writes and whose repeat acts again: each leaves something behind.
    case anonymousCreations = "anonymous-creations"
    /// With a token, of a method that reads.
    case identityReads = "identity-reads"
    /// With a token, of a method that writes.
    case identityWrites = "identity-writes"
    /// With a token that is not valid.
    case rejectedTokens = "rejected-tokens"
    /// With or without a token, of no method: `/openapi.json`, an unknown path, another method of a known one.
    case unroutedRequests = "unrouted-requests"
}

extension MethodDescriptor {
    /// The limit of requests without a token; it follows from the contract.
    package var anonymousLimit: LimitClass {
        guard writes, access.users == .anybody else { return .anonymousReads }
        return idempotent ? .anonymousWrites : .anonymousCreations
    }

    /// The limit of requests with a token.
    package var identityLimit: LimitClass { writes ? .identityWrites : .identityReads }
}
