import Shop

await ShopProgram.run()
