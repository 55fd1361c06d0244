import MartletCore
import Testing

@testable import Payments

@Suite("Provider request")
struct ProviderRequestTests {
    private func request(_ action: ProviderRequest.Action) -> ProviderRequest {
        ProviderRequest(
            paymentID: "p1",
            terms: Payment.Terms(orderID: "o1", currency: "GBP", amount: 100, method: "pm"),
            action: action,
            key: "k",
            attempt: 1,
            keySince: Timestamp(seconds: 1),
            decided: Timestamp(seconds: 1)
        )
    }

    private func view(
        _ status: ProviderView.Status,
        providerID: String = "pp1",
        refunds: [String] = []
    ) -> ProviderView {
        ProviderView(providerID, status, refunds: refunds.map { ($0, 60) })
    }

    @Test("an authorisation happened when the provider has the payment, and it was not cancelled")
    func authorise() {
        #expect(request(.authorise).isDone(in: view(.declined)))
        #expect(!request(.authorise).isDone(in: view(.cancelled)))
    }

    @Test("a capture and a void happened when this payment of the provider has their status")
    func captureAndVoid() {
        let capture = request(.capture(providerID: "pp1"))
        #expect(capture.isDone(in: view(.captured)))
        #expect(!capture.isDone(in: view(.authorised)))
        #expect(!capture.isDone(in: view(.captured, providerID: "pp2")))
        let void = request(.void(providerID: "pp1"))
        #expect(void.isDone(in: view(.cancelled)))
        #expect(!void.isDone(in: view(.authorised)))
        #expect(!void.isDone(in: view(.cancelled, providerID: "pp2")))
    }

    @Test("a refund happened when this payment of the provider has a refund with its id")
    func refund() {
        let refund = request(.refund(providerID: "pp1", id: "r1", amount: 60))
        #expect(refund.isDone(in: view(.captured, refunds: ["r0", "r1"])))
        #expect(!refund.isDone(in: view(.captured, refunds: ["r2"])))
        #expect(!refund.isDone(in: view(.captured, providerID: "pp2", refunds: ["r1"])))
    }
}
