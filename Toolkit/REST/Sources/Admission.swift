package import MartletContract
package import MartletCore

extension MethodDescriptor {
    /// Checks that `principal` holds the method's scope.
    ///
    /// - Throws: `Fault` with `unauthenticated` without a token, with `permissionDenied` if the token lacks the scope.
    package func admit(_ principal: Principal) throws {
        guard !principal.holds(scope) else { return }
        guard principal.kind != .anonymous else {
            throw Fault(.unauthenticated, .unauthenticated, "a token is required")
        }
        throw Fault(.permissionDenied, .forbidden, "the token lacks the scope \(scope)")
    }
}
