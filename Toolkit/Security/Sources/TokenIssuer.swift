public import MartletCore

/// An issuer of tokens, and for whom its keys speak.
public struct TokenIssuer: Sendable {
    /// The required `iss`.
    public let name: String
    /// The issuer's public keys; the first one of an id is used.
    public let keys: [TokenKey]
    /// The kinds of callers that its tokens may name: only the supervisor's issuer speaks for services.
    public let kinds: Set<Principal.Kind>
    /// The scopes that its tokens may have; `nil` for all but the reserved ones.
    public let scopes: Set<ExactText>?

    /// - Parameters:
    ///   - name: The required `iss`.
    ///   - keys: The issuer's public keys.
    ///   - kinds: The kinds of callers that its tokens may name.
    ///   - scopes: The scopes that its tokens may have; `nil` for all.
    public init(name: String, keys: [TokenKey], kinds: Set<Principal.Kind>, scopes: Set<ExactText>?) {
        self.name = name
        self.keys = keys
        self.kinds = kinds
        self.scopes = scopes
    }
}
