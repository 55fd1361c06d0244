package import HTTPTypes
package import MartletCore
import MartletRPC
public import MartletSecurity

/// Authenticates callers by the bearer token of their requests.
public struct TokenAuthenticator: Sendable {
    let verifier: TokenVerifier

    public init(verifier: TokenVerifier) { self.verifier = verifier }

    /// What is known of a caller on an event loop, which checks no signature.
    ///
    /// - Parameters:
    ///   - headers: Those of the call.
    ///   - peer: Whom the connection authenticates. It gives no principal: the contract compares it with the token's service.
    /// - Throws: `Fault` with `unauthenticated` for a header without a token.
    func authentication(_ headers: CallHeaders, from peer: PeerIdentity?) throws -> CallAuthentication {
        guard headers["authorization"] != nil else { return .anonymous }
        guard let token = headers.bearerToken else { throw Self.noBearer }
        if let principal = verifier.verifiedBefore(token) { return .known(principal) }
        return .unverified { [verifier] in try verifier.verify(token) }
    }

    /// The principal of a REST request; anonymous without a token.
    ///
    /// - Parameters:
    ///   - headers: Those of the request.
    ///   - peer: As in ``authentication(_:from:)``.
    /// - Throws: `Fault` with `unauthenticated` for a token that is not valid.
    package func principal(_ headers: HTTPFields, from peer: PeerIdentity?) throws -> Principal {
        guard let value = headers[.authorization] else { return .anonymous }
        guard value.utf8.count > 7, value.prefix(7).lowercased() == "bearer " else { throw Self.noBearer }
        return try verifier.verify(String(value.dropFirst(7)))
    }

    private static var noBearer: Fault {
        Fault(.unauthenticated, .unauthenticated, "the authorization header has no bearer token")
    }
}
