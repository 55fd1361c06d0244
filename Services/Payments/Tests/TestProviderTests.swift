import MartletCore
import MartletTesting
import PaymentsContract
import ProviderContract
import SwiftProtobuf
import Testing

@testable import Payments

@Suite("Payments over the test provider's contract")
struct TestProviderTests {
    @Test(
        "come to the same end whatever the provider does on the way",
        arguments: [100, 105, 108, 109] as [Int64],
        ["capture", "void"]
    )
    func ends(amount: Int64, end: String) async throws {
        let (world, provider) = try await PaymentsWorld.withTestProvider()
        let authorised = await world.persist { try await world.authorise("p1", amount) }
        #expect(authorised == nil)
        if end == "void" {
            #expect(await world.persist { try await world.void() } == nil)
        } else {
            #expect(await world.persist { try await world.capture() } == nil)
            #expect(await world.persist { try await world.refund("r1", 40) } == nil)
            #expect(await world.persist { try await world.refund("r2", amount - 40) } == nil)
        }
        let ledger = try await provider.getLedger(GetLedgerRequest(), context: world.orders)
        #expect(ledger.payments == 1)
        #expect(ledger.authorised == 0)
        #expect(ledger.captured == (end == "void" ? 0 : amount))
        #expect(ledger.refunded == ledger.captured)
        #expect(try await world.balance().balanced)
        #expect(try await world.reconciliation().equal)
    }

    @Test("voided while the outcome was unknown leave nothing set aside", arguments: [105, 108, 109] as [Int64])
    func voided(amount: Int64) async throws {
        let (world, provider) = try await PaymentsWorld.withTestProvider()
        _ = await refusal { try await world.authorise("p1", amount) }
        #expect(await world.persist { try await world.void() } == nil)
        let ledger = try await provider.getLedger(GetLedgerRequest(), context: world.orders)
        #expect(ledger.authorised == 0)
        #expect(ledger.captures == 0)
        #expect(await refusal { try await world.authorise("p1", amount) }?.reason == "payments.voided")
    }

    @Test("that are declined, or of a method that does not exist, are refused")
    func declined() async throws {
        let (world, provider) = try await PaymentsWorld.withTestProvider()
        let declines = [
            await refusal { try await world.authorise("p1", 102) },
            await refusal { try await world.authorise("p2", 100, method: "pm_test_declined") },
            await refusal { try await world.authorise("p3", 100, method: "pm_card_visa") },
        ]
        #expect(declines.map { $0?.reason } == ["payments.declined", "payments.declined", "payments.declined"])
        #expect(try await provider.getLedger(GetLedgerRequest(), context: world.orders).payments == 0)
        #expect(try await world.balance().declinedPayments == 3)
    }

    @Test("answer that their provider is away, and go on when it is back")
    func away() async throws {
        let world = try await PaymentsWorld(
            TestProvider(client: ProviderClient(over: NoChannel()), service: PaymentsService.name)
        )
        let fault = await refusal { try await world.authorise() }
        #expect(fault?.code == .unavailable)
        #expect(try await world.payment().status == .authorising)
        #expect(try await world.balance().openPayments == 1)
    }
}
