public import MartletCore

/// An issuer of tokens, and for whom its keys speak.
public struct TokenIssuer: Sendable {
    /// The required `iss`, as a URL; it stands in no id and no row.
    public let name: String
    /// Its fixed name within the deployment.
    public let alias: IssuerAlias
    /// The issuer's public keys; the first one of an id is used.
    public let keys: any KeySource
    /// The kinds of callers that its tokens may name: only the supervisor's issuer speaks for services.
    public let kinds: Set<Principal.Kind>
    /// The scopes that its tokens may have; `nil` for all but the reserved ones.
    public let scopes: Set<ExactText>?

    /// - Parameters:
    ///   - name: The required `iss`.
    ///   - alias: Its fixed name within the deployment; no two issuers have one.
    ///   - keys: The issuer's public keys.
    ///   - kinds: The kinds of callers that its tokens may name; `anonymous` for guests.
    ///   - scopes: The scopes that its tokens may have, none of them reserved; `nil` for all.
    public init(
        name: String,
        alias: IssuerAlias,
        keys: any KeySource,
        kinds: Set<Principal.Kind>,
        scopes: Set<ExactText>?
    ) {
        precondition(scopes?.allSatisfy { ScopeName.isValid($0.text) } ?? true, "a scope means a kind of caller")
        self.name = name
        self.alias = alias
        self.keys = keys
        self.kinds = kinds
        self.scopes = scopes
    }
}
