public import MartletContract
public import MartletCore

extension MethodDescriptor {
    /// Lets `principal` in when it holds the method's scope.
    ///
    /// - Throws: `Fault` with `unauthenticated` for somebody without a token, with `permissionDenied` for one whose token is not enough.
    public func admit(_ principal: Principal) throws {
        guard !principal.holds(scope) else { return }
        guard principal.kind != .anonymous else {
            throw Fault(.unauthenticated, .unauthenticated, "a token is required")
        }
        throw Fault(.permissionDenied, .forbidden, "the token lacks the scope \(scope)")
    }
}
