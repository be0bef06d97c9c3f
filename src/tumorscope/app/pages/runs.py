"""TEMP."""
import streamlit as st
def runs_page() -> None:
    """Draw."""
    st.title("runs")
